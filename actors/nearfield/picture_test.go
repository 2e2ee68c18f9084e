package nearfield_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"

	"github.com/boombuler/barcode/qr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"countersign/actors/nearfield"
)

var _ = Describe("Base45", func() {
	DescribeTable("is that of RFC 9285", func(plain, written string) {
		Expect(nearfield.EncodeBase45([]byte(plain))).To(Equal(written))
		Expect(nearfield.DecodeBase45(written)).To(BeEquivalentTo(plain))
	},
		Entry("section 4.3, example 1", "AB", "BB8"),
		Entry("section 4.3, example 2", "Hello!!", "%69 VD92EX0"),
		Entry("section 4.3, example 3", "base-45", "UJCLQE7W581"),
		Entry("section 4.4", "ietf!", "QED8WEX0"),
	)

	DescribeTable("refuses", func(text string) {
		_, err := nearfield.DecodeBase45(text)
		Expect(err).To(MatchError(ContainSubstring("not Base45")))
	},
		Entry("a number beyond two bytes", "GGX"),
		Entry("a number beyond one byte", ":::"[:2]),
		Entry("a digit left over", "BB8B"),
		Entry("small letters", "bb8"),
	)
})

// frameOf is a frame with so many bytes of payload.
func frameOf(size int) []byte {
	payload := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(payload)
	return nearfield.Frame{Type: nearfield.Data, Session: session, Count: 1, Payload: payload}.Bytes()
}

// seen is a picture as a camera has it: larger, a little turned, grey, and with noise.
func seen(picture image.Image, scale, angle float64, noise int) []byte {
	bounds := picture.Bounds()
	edge := int(float64(bounds.Dx())*scale*1.2) + 40
	out := image.NewGray(image.Rect(0, 0, edge, edge))
	chance := rand.New(rand.NewPCG(1, 2))
	sin, cos := math.Sincos(angle)
	for y := range edge {
		for x := range edge {
			dx, dy := float64(x)-float64(edge)/2, float64(y)-float64(edge)/2
			from := image.Pt(int((dx*cos+dy*sin)/scale+float64(bounds.Dx())/2), int((dy*cos-dx*sin)/scale+float64(bounds.Dy())/2))
			light := 200
			if from.In(bounds) {
				r, _, _, _ := picture.At(from.X, from.Y).RGBA()
				light = 60 + int(r>>8)*140/255
			}
			out.SetGray(x, y, color.Gray{Y: uint8(light + chance.IntN(2*noise+1) - noise)})
		}
	}
	var file bytes.Buffer
	Expect(png.Encode(&file, out)).To(Succeed())
	return file.Bytes()
}

var _ = Describe("A picture", func() {
	It("holds any frame up to 1024 bytes, and the longest message in one", func() {
		for _, size := range []int{1, 50, 171, 1010, 2048} {
			picture, err := nearfield.Picture(frameOf(size))
			Expect(err).NotTo(HaveOccurred())
			Expect(nearfield.ReadPicture(picture)).To(Equal(frameOf(size)))
		}
	})

	It("comes back whatever its size is", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			frame := frameOf(rapid.IntRange(1, 240).Draw(t, "size"))
			picture, err := nearfield.Picture(frame)
			Expect(err).NotTo(HaveOccurred())
			Expect(nearfield.ReadPicture(picture)).To(Equal(frame))
		})
	})

	It("is black on white, has four pixels a module and four modules of quiet around", func() {
		picture, err := nearfield.Picture(frameOf(50))
		Expect(err).NotTo(HaveOccurred())
		drawn, err := png.Decode(bytes.NewReader(picture))
		Expect(err).NotTo(HaveOccurred())
		first := image.Pt(-1, -1)
		for y := drawn.Bounds().Dy() - 1; y >= 0; y-- {
			for x := drawn.Bounds().Dx() - 1; x >= 0; x-- {
				switch r, _, _, _ := drawn.At(x, y).RGBA(); r {
				case 0:
					first = image.Pt(x, y)
				default:
					Expect(r).To(BeEquivalentTo(0xffff))
				}
			}
		}
		Expect(first).To(Equal(image.Pt(16, 16)))
		Expect((drawn.Bounds().Dx()/4-8-17)%4).To(BeZero(), "the modules of a QR code are 17 and a multiple of 4")
	})

	It("is read as a camera sees it", func() {
		picture, err := nearfield.Picture(frameOf(50))
		Expect(err).NotTo(HaveOccurred())
		drawn, err := png.Decode(bytes.NewReader(picture))
		Expect(err).NotTo(HaveOccurred())
		Expect(nearfield.ReadPicture(seen(drawn, 1.7, 0.1, 12))).To(Equal(frameOf(50)))
		Expect(nearfield.ReadPicture(seen(drawn, 2.5, -0.3, 20))).To(Equal(frameOf(50)))
	})

	It("is read though part of it is covered", func() {
		picture, err := nearfield.Picture(frameOf(50))
		Expect(err).NotTo(HaveOccurred())
		drawn, err := png.Decode(bytes.NewReader(picture))
		Expect(err).NotTo(HaveOccurred())
		covered := drawn.(*image.Paletted)
		middle := covered.Bounds().Dx() / 2
		for y := middle - 12; y < middle+12; y++ {
			for x := middle - 12; x < middle+12; x++ {
				covered.Set(x, y, color.White)
			}
		}
		var file bytes.Buffer
		Expect(png.Encode(&file, covered)).To(Succeed())
		Expect(nearfield.ReadPicture(file.Bytes())).To(Equal(frameOf(50)))
	})

	DescribeTable("has no frame when it is",
		func(file func() []byte, reason string) {
			_, err := nearfield.ReadPicture(file())
			Expect(err).To(BeAssignableToTypeOf(&nearfield.MalformedError{}))
			Expect(err).To(MatchError(ContainSubstring(reason)))
		},
		Entry("no picture", func() []byte { return []byte("GIF89a") }, "no PNG"),
		Entry("blank", func() []byte { return blank(100) }, "no readable code"),
		Entry("larger than any screen", func() []byte { return blank(4097) }, "no PNG of at most 4096 pixels"),
		Entry("cut off", func() []byte {
			picture, err := nearfield.Picture(frameOf(50))
			Expect(err).NotTo(HaveOccurred())
			return picture[:len(picture)/2]
		}, "breaks off"),
		Entry("another code", func() []byte { return coded("HTTPS://EXAMPLE.ORG") }, "does not begin with CSO1:"),
		Entry("a code of ours with other text", func() []byte { return coded("CSO1:::") }, "not Base45"),
	)

	It("cannot hold more than the largest code", func() {
		_, err := nearfield.Picture(make([]byte, 2300))
		Expect(err).To(MatchError(ContainSubstring("make the frame size 1024 or less")))
	})
})

func blank(edge int) []byte {
	picture := image.NewPaletted(image.Rect(0, 0, edge, edge), color.Palette{color.White, color.Black})
	var file bytes.Buffer
	Expect(png.Encode(&file, picture)).To(Succeed())
	return file.Bytes()
}

// coded is a picture of a code with any text.
func coded(text string) []byte {
	code, err := qr.Encode(text, qr.M, qr.AlphaNumeric)
	Expect(err).NotTo(HaveOccurred())
	edge := (code.Bounds().Dx() + 8) * 4
	picture := image.NewPaletted(image.Rect(0, 0, edge, edge), color.Palette{color.White, color.Black})
	for y := range edge - 32 {
		for x := range edge - 32 {
			picture.Set(x+16, y+16, code.At(x/4, y/4))
		}
	}
	var file bytes.Buffer
	Expect(png.Encode(&file, picture)).To(Succeed())
	return file.Bytes()
}
