"""The doors to the outside, simulated: machine, devices and the scenario that they play."""
