"""What the commands do: wiring between files, data sets, network and reports."""
