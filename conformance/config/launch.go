package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// PortMark stands for a port in the URLs of a target that the harness starts, in its command and in its environment: for that of the target's URL,
// or for a free one where the URL has the mark itself.
const PortMark = "{port}"

// StartedTarget is where a target answers that the harness starts, unless something else is said.
const StartedTarget = "http://127.0.0.1:" + PortMark

// Start says what the harness starts itself as the target. The zero value starts nothing.
type Start struct {
	Exec  *Exec
	Image *Image
	// ByFlags says that flags gave it and not a file.
	ByFlags bool
}

// Any reports whether there is anything to start.
func (s Start) Any() bool { return s.Exec != nil || s.Image != nil }

// Exec is a command that is the target.
type Exec struct {
	Command Words `json:"command"`
	// Folder is where it runs; empty: where the harness runs.
	Folder      string            `json:"folder"`
	Environment map[string]string `json:"environment"`
	// Wait is how long it may take until it answers; 0: the harness's own limit.
	Wait Duration `json:"wait"`
}

// Image is a container that is the target: from the image Name, or built from the Dockerfile in the folder Build.
type Image struct {
	Name        string            `json:"name"`
	Build       string            `json:"build"`
	Dockerfile  string            `json:"dockerfile"`
	Command     Words             `json:"command"`
	Environment map[string]string `json:"environment"`
	// Port is that of the container, to be mapped to the port of the target's URL; 0: the container is in the network of the machine.
	Port int      `json:"port"`
	Wait Duration `json:"wait"`
}

// Words are a command: a list of words, or one line for a shell.
type Words struct {
	List []string
	Line string
}

// UnmarshalJSON reads a list or a text.
func (w *Words) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &w.Line) == nil {
		return nil
	}
	return json.Unmarshal(text, &w.List)
}

// Shelled are the words to run where there is only a list: a line goes to sh.
func (w Words) Shelled() []string {
	if w.Line != "" {
		return []string{"sh", "-c", w.Line}
	}
	return w.List
}

// Duration is one as the file writes it.
type Duration time.Duration

// UnmarshalJSON reads a duration.
func (d *Duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(s)
	*d = Duration(parsed)
	return err
}

// start reads what is to be started from the file's value, which obeys the schema.
func (c *Config) start(file any) error {
	whole, _ := file.(map[string]any)
	for key, into := range map[string]any{"exec": &c.Start.Exec, "image": &c.Start.Image} {
		text, err := json.Marshal(whole[key])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return c.mistake([]string{key}, "this cannot be read", "see countersign.schema.json")
		}
	}
	exec, image := c.Start.Exec, c.Start.Image
	switch {
	case exec != nil && image != nil:
		return c.mistake([]string{"image"}, "there is an `exec` too, and only one target can be started", "keep one of the two")
	case exec != nil:
		if exec.Folder = beside(c.source.file, exec.Folder); exec.Folder == "" {
			exec.Folder = beside(c.source.file, ".")
		}
	case image == nil:
		return nil
	case image.Name == "" && image.Build == "":
		return c.mistake([]string{"image"}, "it names no image", "add `name`, or `build` with the folder of a Dockerfile")
	case image.Name != "" && image.Build != "":
		return c.mistake([]string{"image", "build"}, "there is a `name` too", "keep one of the two")
	case image.Name != "" && image.Dockerfile != "":
		return c.mistake([]string{"image", "dockerfile"}, "an image that has a `name` is not built", "take it out, or write `build` in place of `name`")
	default:
		image.Build = beside(c.source.file, image.Build)
	}
	if c.Target == "" && c.Metadata == "" {
		c.Target = StartedTarget
	}
	return nil
}

// With is the configuration with a port in the place of PortMark, in all that a target that is started has to do with.
func (c Config) With(port int) Config {
	fill := func(text string) string { return strings.ReplaceAll(text, PortMark, strconv.Itoa(port)) }
	fillAll := func(texts map[string]string, at ...string) map[string]string {
		filled := maps.Clone(texts)
		for name, text := range texts {
			if !c.Referred(append(at, name)...) {
				filled[name] = fill(text)
			}
		}
		return filled
	}
	words := func(w Words) Words {
		filled := Words{Line: fill(w.Line)}
		for _, word := range w.List {
			filled.List = append(filled.List, fill(word))
		}
		return filled
	}
	c.Target, c.Metadata, c.Endpoints = fill(c.Target), fill(c.Metadata), fillAll(c.Endpoints, "endpoints")
	c.Drive = c.driven(fill)
	if c.Start.Exec != nil {
		e := *c.Start.Exec
		e.Command, e.Environment = words(e.Command), fillAll(e.Environment, "exec", "environment")
		c.Start.Exec = &e
	}
	if c.Start.Image != nil {
		i := *c.Start.Image
		i.Command, i.Environment = words(i.Command), fillAll(i.Environment, "image", "environment")
		c.Start.Image = &i
	}
	return c
}

// unmarked is a URL that can be read although it may have a PortMark.
func unmarked(address string) (*url.URL, error) {
	return url.Parse(strings.ReplaceAll(address, PortMark, "1"))
}

// CheckStart finds what the parts of the configuration that flags have changed do not allow. The error is a sentence.
func (c Config) CheckStart() error {
	if strings.Contains(c.Target, PortMark) && !c.Start.Any() {
		return fmt.Errorf("%s stands for the port of a target that is started: name one with --exec, --image or --build, or write the port", PortMark)
	}
	if !c.Start.Any() {
		return nil
	}
	u, err := unmarked(c.Target)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is no URL of a target; write it as http://127.0.0.1:%s", c.Target, PortMark)
	}
	if c.Start.Image != nil && c.Start.Image.Port != 0 && net.ParseIP(u.Hostname()) != nil && !net.ParseIP(u.Hostname()).IsLoopback() {
		return fmt.Errorf("a mapped port is had at a loopback address, and not at %s; write the target as http://127.0.0.1:%s", u.Hostname(), PortMark)
	}
	return nil
}
