"""Multi-fidelity methods: train many architectures briefly and few for long."""
