"""TensorRT engines of a bundle: built on the device, kept in its cache."""
