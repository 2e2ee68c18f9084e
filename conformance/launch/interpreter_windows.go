package launch

// interpreted finds nothing: here a program is known by its name.
func (c Command) interpreted(string) error { return nil }
