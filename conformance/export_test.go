package conformance

// Unmet is for specs: no requirement of the catalogue is less than a MUST.
var Unmet = unmet

// Excerpt is excerpt.
var Excerpt = excerpt
