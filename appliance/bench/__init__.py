"""Side-by-side measurements: the appliance against what a competent user would script with the same engines."""
