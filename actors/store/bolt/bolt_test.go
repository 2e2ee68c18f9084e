package bolt_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/store"
	"countersign/actors/store/bolt"
)

// What every store does is told in actors/store.
var _ = Describe("A store in a file", func() {
	var path string
	BeforeEach(func() { path = filepath.Join(GinkgoT().TempDir(), "state.db") })

	opened := func() *bolt.Store {
		GinkgoHelper()
		s, err := bolt.Open(path)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(s.Close)
		return s
	}
	put := func(s store.Store, key string, v any) error {
		return s.Update(func(tx store.Tx) error { return tx.Put("things", key, v) })
	}
	// filled makes a file of some hundred pages.
	filled := func() {
		GinkgoHelper()
		s := opened()
		Expect(s.Update(func(tx store.Tx) error {
			for i := range 1000 {
				if err := tx.Put("things", fmt.Sprintf("%04d", i), strings.Repeat("text ", 100)); err != nil {
					return err
				}
			}
			return nil
		})).To(Succeed())
		Expect(s.Close()).To(Succeed())
	}
	refusal := func() error {
		GinkgoHelper()
		s, err := bolt.Open(path)
		Expect(s).To(BeNil())
		var refused *bolt.FileError
		Expect(errors.As(err, &refused)).To(BeTrue())
		Expect(refused.Path).To(Equal(path))
		Expect(err).To(MatchError(ContainSubstring(path)))
		return err
	}

	It("holds what it held when it is opened again, and only that", func() {
		s := opened()
		Expect(put(s, "kept", 1)).To(Succeed())
		Expect(s.Update(func(tx store.Tx) error {
			Expect(tx.Put("things", "undone", 2)).To(Succeed())
			return errors.New("no")
		})).NotTo(Succeed())
		Expect(s.Close()).To(Succeed())
		Expect(opened().Update(func(tx store.Tx) error {
			Expect(tx.Keys("things")).To(Equal([]string{"kept"}))
			return nil
		})).To(Succeed())
	})

	It("tells buckets apart whose names and keys run into each other", func() {
		s := opened()
		Expect(s.Update(func(tx store.Tx) error {
			Expect(tx.Put("a", "bc", 1)).To(Succeed())
			Expect(tx.Put("ab", "c", 2)).To(Succeed())
			Expect(tx.Put("", "abc", 3)).To(Succeed())
			Expect(tx.Keys("a")).To(Equal([]string{"bc"}))
			Expect(tx.Keys("ab")).To(Equal([]string{"c"}))
			Expect(tx.Keys("")).To(Equal([]string{"abc"}))
			return nil
		})).To(Succeed())
	})

	It("undoes a transaction that fails among others that are written with it", func() {
		s := opened()
		var callers sync.WaitGroup
		for i := range 64 {
			callers.Go(func() {
				defer GinkgoRecover()
				failed := errors.New("no")
				err := s.Update(func(tx store.Tx) error {
					Expect(tx.Put("things", strconv.Itoa(i), i)).To(Succeed())
					var count int
					_, err := tx.Get("things", "count", &count)
					Expect(err).NotTo(HaveOccurred())
					Expect(tx.Put("things", "count", count+1)).To(Succeed())
					if i%2 == 1 {
						return failed
					}
					return nil
				})
				if i%2 == 1 {
					Expect(err).To(MatchError(failed))
				} else {
					Expect(err).NotTo(HaveOccurred())
				}
			})
		}
		callers.Wait()
		Expect(s.Close()).To(Succeed())
		s = opened()
		count, _, err := store.Load[int](s, "things", "count")
		Expect(err).NotTo(HaveOccurred())
		Expect(count).To(Equal(32))
		Expect(s.Update(func(tx store.Tx) error {
			Expect(tx.Keys("things")).To(HaveLen(33))
			return nil
		})).To(Succeed())
	})

	It("hands a panic to the one whose transaction it was, undone, and goes on", func() {
		s := opened()
		Expect(func() {
			_ = s.Update(func(tx store.Tx) error {
				Expect(tx.Put("things", "half", 1)).To(Succeed())
				panic("a mistake")
			})
		}).To(PanicWith("a mistake"))
		_, found, err := store.Load[int](s, "things", "half")
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(BeFalse())
		Expect(put(s, "next", 1)).To(Succeed())
	})

	It("names the file after it was closed", func() {
		s := opened()
		Expect(s.Close()).To(Succeed())
		Expect(put(s, "k", 1)).To(MatchError(ContainSubstring(path)))
	})

	It("refuses a file that is open elsewhere", func() {
		opened()
		Expect(refusal()).To(MatchError(bolt.ErrLocked))
	})

	It("refuses a file in a folder that is not there", func() {
		path = filepath.Join(path, "state.db")
		Expect(refusal()).To(MatchError(os.ErrNotExist))
	})

	DescribeTable("refuses a file that is damaged",
		func(damage func(content []byte) []byte) {
			filled()
			content, err := os.ReadFile(path)
			Expect(err).NotTo(HaveOccurred())
			Expect(os.WriteFile(path, damage(content), 0o600)).To(Succeed())
			Expect(refusal()).To(MatchError(bolt.ErrDamaged))
		},
		Entry("into another kind of file", func([]byte) []byte { return []byte(strings.Repeat("something else ", 5000)) }),
		Entry("by being cut short", func(content []byte) []byte { return content[:len(content)/4] }),
		Entry("by being cut to its first pages", func(content []byte) []byte { return content[:3*os.Getpagesize()] }),
		Entry("in its head", func(content []byte) []byte { clear(content[:2*os.Getpagesize()]); return content }),
		Entry("in its pages", func(content []byte) []byte { clear(content[4*os.Getpagesize():]); return content }),
		Entry("in its text", func(content []byte) []byte {
			return []byte(strings.ReplaceAll(string(content), `"text text`, `text" text`))
		}),
	)

	It("keeps what it said it kept when its process is killed", func() {
		writer := exec.Command(os.Args[0], "-test.run=^TestWriter$")
		writer.Env = append(os.Environ(), "BOLT_TEST_FILE="+path)
		output, err := writer.StdoutPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(writer.Start()).To(Succeed())
		said := -1
		lines := bufio.NewScanner(output)
		for said < 50 && lines.Scan() {
			said, err = strconv.Atoi(lines.Text())
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(writer.Process.Kill()).To(Succeed())
		for lines.Scan() { // what it said before it died counts as well
			if number, err := strconv.Atoi(lines.Text()); err == nil {
				said = number
			}
		}
		Expect(writer.Wait()).NotTo(Succeed())
		Expect(said).To(BeNumerically(">=", 50))
		kept, found, err := store.Load[int](opened(), "numbers", "last")
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(BeTrue())
		Expect(kept).To(BeNumerically(">=", said))
	})
})

// TestWriter is the process that is killed: it says each number once it is kept.
func TestWriter(t *testing.T) {
	path := os.Getenv("BOLT_TEST_FILE")
	if path == "" {
		t.Skip("runs as a process of its own, for the spec that kills it")
	}
	s, err := bolt.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for number := 0; ; number++ {
		if err := s.Update(func(tx store.Tx) error { return tx.Put("numbers", "last", number) }); err != nil {
			t.Fatal(err)
		}
		fmt.Println(number)
	}
}
