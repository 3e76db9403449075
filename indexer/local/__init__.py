"""An index in a folder of this machine: made, opened, searched, verified and repaired."""
