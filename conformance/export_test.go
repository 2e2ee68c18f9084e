package conformance

// Excerpt is excerpt.
var Excerpt = excerpt
