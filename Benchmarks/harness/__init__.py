"""Runs the servers one after the other under the same load and writes down what they cost."""
