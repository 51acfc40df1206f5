"""The network as ONNX graphs: for other programs, and for other runtimes within liax."""
