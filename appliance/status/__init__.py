"""How the appliance is: figures read from the database, and whether its parts answer."""
