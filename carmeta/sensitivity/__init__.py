"""The same analysis with something varied: leave-one-out, cumulative, influence, small studies."""
