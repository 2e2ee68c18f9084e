package sim

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of fault, by name.
const (
	loss      = "loss"
	duplicate = "duplicate"
	reorder   = "reorder"
	delay     = "delay"
	partition = "partition"
	crash     = "crash"
	skew      = "skew"
	slow      = "slow"
	halfOpen  = "halfopen"
)

// FaultKind describes one kind of fault.
type FaultKind struct {
	Name    string
	Link    bool   // lies on a link, "from>to"; else on a host
	Value   string // form of its value: "probability", "duration", "range" or "" for none
	Example string
	Meaning string // one sentence
}

// Kinds lists every kind of fault there is.
func Kinds() []FaultKind {
	return []FaultKind{
		{loss, true, "probability", "loss:client.a>oauth.b=0.3", "Each message on the link is lost with this probability."},
		{duplicate, true, "probability", "duplicate:*>*=0.2", "Each message on the link arrives twice with this probability."},
		{reorder, true, "probability", "reorder:client.a>oauth.b=0.3", "Each message on the link is held back with this probability until later ones have overtaken it."},
		{delay, true, "range", "delay:client.a>oauth.b=50ms-400ms", "Each message on the link takes longer by a time from this range, or by exactly this time."},
		{partition, true, "", "partition:client.a>oauth.b@100ms+2s", "No message sent meanwhile passes the link in either direction."},
		{crash, false, "", "crash:oauth.b@150ms+1s", "The host crashes at this time, loses all that is not durable, and boots again after it was down for so long, or never."},
		{skew, false, "duration", "skew:client.a=-90s", "The host's clock is ahead by this much, or behind if negative."},
		{slow, false, "duration", "slow:oauth.b=5s", "The host's answers are late by this much."},
		{halfOpen, false, "", "halfopen:oauth.b@100ms+2s", "The host takes requests and acts on them, but answers sent meanwhile never arrive."},
	}
}

func kindOf(name string) (FaultKind, bool) {
	kinds := Kinds()
	i := slices.IndexFunc(kinds, func(k FaultKind) bool { return k.Name == name })
	if i < 0 {
		return FaultKind{}, false
	}
	return kinds[i], true
}

// Fault is one thing that goes wrong in a world. It is spelled
//
//	kind:where[@at[+for]][=value]
//
// where is a host, or a link "from>to"; "*" stands for any host. at and for
// are virtual times since the world's start, and without them the fault lasts
// for the whole run. [Kinds] gives kinds, values and examples.
type Fault struct {
	Kind string        // a name from Kinds
	From string        // the host, or where the link begins
	To   string        // where the link ends; empty for faults of a host
	At   time.Duration // when it begins, since the world's start
	For  time.Duration // how long it lasts; zero means to the end of the run
	Rate float64       // of kinds with a probability
	Min  time.Duration // of kinds with a duration or a range
	Max  time.Duration // of kinds with a range; equal to Min for a single time
}

// FaultError says why a fault cannot be used.
type FaultError struct {
	Fault   string // as it was spelled
	Problem string
	Example string // of a fault that would do
}

func (e *FaultError) Error() string {
	return fmt.Sprintf("fault %q %s; write for example %q", e.Fault, e.Problem, e.Example)
}

// ParseFault reads a fault as [Fault.String] spells it. Its errors are of type
// [*FaultError].
func ParseFault(text string) (Fault, error) {
	f, kind, problem := parseFault(text)
	if problem == "" {
		problem = f.problem(kind)
	}
	if problem != "" {
		if kind.Name == "" {
			kind = Kinds()[0]
		}
		return Fault{}, &FaultError{Fault: text, Problem: problem, Example: kind.Example}
	}
	return f, nil
}

func parseFault(text string) (f Fault, kind FaultKind, problem string) {
	name, rest, found := strings.Cut(text, ":")
	kind, known := kindOf(name)
	switch {
	case !found:
		return f, kind, "has no colon after its kind"
	case !known:
		names := make([]string, 0, 9)
		for _, k := range Kinds() {
			names = append(names, k.Name)
		}
		return f, kind, fmt.Sprintf("is of unknown kind %q: the kinds are %s", name, strings.Join(names, ", "))
	}
	f.Kind = name
	rest, value, hasValue := strings.Cut(rest, "=")
	where, when, hasTime := strings.Cut(rest, "@")
	var isLink bool
	f.From, f.To, isLink = strings.Cut(where, ">")
	switch {
	case kind.Link && !isLink:
		return f, kind, "names no link: two hosts with > between them"
	case !kind.Link && isLink:
		return f, kind, "names a link where one host is expected"
	case hasValue && kind.Value == "":
		return f, kind, "has a value, which this kind does not take"
	case !hasValue && kind.Value != "":
		return f, kind, "lacks its value, a " + kind.Value
	}
	var err error
	if hasTime {
		at, duration, hasFor := strings.Cut(when, "+")
		if f.At, err = time.ParseDuration(at); err != nil {
			return f, kind, fmt.Sprintf("begins at %q, which is no duration", at)
		}
		if hasFor {
			if f.For, err = time.ParseDuration(duration); err != nil || f.For <= 0 {
				return f, kind, fmt.Sprintf("lasts for %q, which is no positive duration", duration)
			}
		}
	}
	switch kind.Value {
	case "probability":
		if f.Rate, err = strconv.ParseFloat(value, 64); err != nil {
			return f, kind, fmt.Sprintf("has the value %q, which is no number", value)
		}
	case "duration", "range":
		low, high, isRange := value, value, false
		if kind.Value == "range" {
			if low, high, isRange = strings.Cut(value, "-"); !isRange {
				high = low
			}
		}
		if f.Min, err = time.ParseDuration(low); err != nil {
			return f, kind, fmt.Sprintf("has the value %q, which is no %s", value, kind.Value)
		}
		if f.Max, err = time.ParseDuration(high); err != nil {
			return f, kind, fmt.Sprintf("has the value %q, which is no %s", value, kind.Value)
		}
	}
	return f, kind, ""
}

// problem says what is wrong with the fields of a fault of that kind.
func (f Fault) problem(kind FaultKind) string {
	switch {
	case f.From == "" || kind.Link && f.To == "":
		return "does not say where"
	case strings.ContainsAny(f.From+f.To, ">@=: \t"):
		return "names no valid host"
	case !kind.Link && f.To != "":
		return "names a link where one host is expected"
	case f.At < 0 || f.For < 0 || f.At > math.MaxInt64-f.For:
		return "has a time out of bounds"
	case kind.Value == "probability" && !(f.Rate >= 0 && f.Rate <= 1):
		return "has a probability that is not between 0 and 1"
	case f.Kind != skew && (f.Min < 0 || f.Max < 0):
		return "has a negative duration"
	case kind.Value == "range" && f.Max < f.Min:
		return "has a range that ends before it begins"
	}
	return ""
}

// Validate checks a fault that was not parsed. Its errors are of type
// [*FaultError].
func (f Fault) Validate() error {
	kind, known := kindOf(f.Kind)
	problem := fmt.Sprintf("is of unknown kind %q", f.Kind)
	if known {
		problem = f.problem(kind)
	} else {
		kind = Kinds()[0]
	}
	if problem != "" {
		return &FaultError{Fault: f.String(), Problem: problem, Example: kind.Example}
	}
	return nil
}

// String spells the fault so that [ParseFault] reads it back.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Kind + ":" + f.From)
	if f.To != "" {
		b.WriteString(">" + f.To)
	}
	if f.At != 0 || f.For != 0 {
		b.WriteString("@" + f.At.String())
		if f.For != 0 {
			b.WriteString("+" + f.For.String())
		}
	}
	switch kind, _ := kindOf(f.Kind); {
	case kind.Value == "probability":
		b.WriteString("=" + strconv.FormatFloat(f.Rate, 'g', -1, 64))
	case kind.Value == "range" && f.Max != f.Min:
		b.WriteString("=" + f.Min.String() + "-" + f.Max.String())
	case kind.Value != "":
		b.WriteString("=" + f.Min.String())
	}
	return b.String()
}

// MarshalText spells the fault, for JSON and YAML.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText is [ParseFault], for JSON and YAML.
func (f *Fault) UnmarshalText(text []byte) error {
	parsed, err := ParseFault(string(text))
	if err == nil {
		*f = parsed
	}
	return err
}
