"""The protocols that CytoBench scores by, one folder each; a changed protocol is a new version."""
