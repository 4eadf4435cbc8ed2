"""Everything that touches a wire: the threads, smbus2, and what the kernel's errors mean."""
