"""The visual Turing test: the page, its sealed key, and the pooled answers of jurors."""
