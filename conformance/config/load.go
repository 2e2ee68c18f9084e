package config

import "time"

// LoadPlan is what the file says of `bench load`. The zero value says nothing.
type LoadPlan struct {
	// Rate is how many journeys through the flow begin in a second, for Duration, where there are no Stages.
	Rate     float64       `yaml:"rate"`
	Duration time.Duration `yaml:"duration"`
	// Stages are played one after the other.
	Stages []LoadStage   `yaml:"stages"`
	WarmUp time.Duration `yaml:"warm_up"`
	// Connections bounds how many journeys are under way.
	Connections int `yaml:"connections"`
	// Thresholds are what a run has to keep to, as p99<50ms.
	Thresholds []string `yaml:"thresholds"`
}

// LoadStage is a part of a load, in which the rate goes evenly from one value to another.
type LoadStage struct {
	// From is nil where the rate is To all the time.
	From     *float64      `yaml:"from"`
	To       float64       `yaml:"to"`
	Duration time.Duration `yaml:"duration"`
}
