package config

// Unread is a configuration without where it was read from, so that it can be compared.
func Unread(c Config) Config {
	c.source = source{}
	return c
}
