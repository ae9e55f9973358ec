"""The gateway's measures: `python -m bench.gateway [--quick]`. Every baseline runs in the same run, alternately with what is measured."""
