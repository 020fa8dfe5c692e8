"""The worker pool of a host: which worker processes run where, decided by load and kept alive."""
