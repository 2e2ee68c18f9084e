package scenarios
import ("testing";"fmt";"context")
func TestZ(t *testing.T){ s, err := Sweep{Seeds: 60, From: 5000}.Play(context.Background()); fmt.Println(s.Worlds, s.Messages, err, len(s.Failures)); for _, f := range s.Failures { fmt.Println(f.Repro, f.Actual) } }
