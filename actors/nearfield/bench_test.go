package nearfield_test

import (
	"testing"

	"countersign/actors/nearfield"
)

func BenchmarkParse(b *testing.B) {
	frame := frameOf(50)
	for b.Loop() {
		if !nearfield.Intact(frame) {
			b.Fatal("the checksum is wrong")
		}
		if _, err := nearfield.Parse(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPicture(b *testing.B) {
	frame := frameOf(50)
	for b.Loop() {
		if _, err := nearfield.Picture(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadPicture(b *testing.B) {
	picture, err := nearfield.Picture(frameOf(50))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := nearfield.ReadPicture(picture); err != nil {
			b.Fatal(err)
		}
	}
}
