"""Methods that train many architectures a little and few for long."""
