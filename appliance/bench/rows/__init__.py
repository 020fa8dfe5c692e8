"""One module per measurement; `appliance.bench.registry` names them."""
