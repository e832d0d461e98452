"""Vendors that do not exist; their folder is put on the path of `extractor.vendors`."""
