"""The core: domain values, ports, pure rules, the extractors of signals and the pipeline that joins them."""
