package offline

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

const (
	// digits are those of Base45, by their values: RFC 9285 section 4.
	digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	// pictureMark is what the text of a code begins with: section 4.4 of the profile.
	pictureMark = "CSO1:"
	// The least of a picture: modules of white around the code, pixels of a module.
	quietZone, modulePixels = 4, 4
)

func base45(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); i += 2 {
		number, places := int(b[i]), 2
		if i+1 < len(b) {
			number, places = number*256+int(b[i+1]), 3
		}
		for range places {
			out.WriteByte(digits[number%45])
			number /= 45
		}
	}
	return out.String()
}

func unBase45(text string) ([]byte, error) {
	var out []byte
	for ; text != ""; text = text[min(3, len(text)):] {
		number, weight := 0, 1
		group := text[:min(3, len(text))]
		for i := range len(group) {
			value := strings.IndexByte(digits, group[i])
			if value < 0 {
				return nil, fmt.Errorf("the character %q is not of Base45", group[i])
			}
			number, weight = number+value*weight, weight*45
		}
		switch {
		case len(group) == 3 && number < 1<<16:
			out = append(out, byte(number>>8), byte(number))
		case len(group) == 2 && number < 1<<8:
			out = append(out, byte(number))
		default:
			return nil, fmt.Errorf("%q is not Base45", group)
		}
	}
	return out, nil
}

// picture is a frame as a PNG: section 4.4.
func picture(frame []byte) []byte {
	code := must(qr.Encode(pictureMark+base45(frame), qr.M, qr.AlphaNumeric))
	const margin = quietZone * modulePixels
	side := code.Bounds().Dx()
	canvas := blank(side*modulePixels + 2*margin)
	for y := range side {
		for x := range side {
			if !isDark(code.At(x, y)) {
				continue
			}
			for pixel := range modulePixels * modulePixels {
				canvas.SetGray(margin+x*modulePixels+pixel%modulePixels, margin+y*modulePixels+pixel/modulePixels, color.Gray{})
			}
		}
	}
	return pngOf(canvas)
}

// blank is a white square.
func blank(side int) *image.Gray {
	canvas := image.NewGray(image.Rect(0, 0, side, side))
	for i := range canvas.Pix {
		canvas.Pix[i] = 0xff
	}
	return canvas
}

func pngOf(i image.Image) []byte {
	var file bytes.Buffer
	if err := png.Encode(&file, i); err != nil {
		panic(err) // a buffer takes all
	}
	return file.Bytes()
}

func isDark(c color.Color) bool { return color.GrayModel.Convert(c).(color.Gray).Y < 0x80 }

// readPicture gives the bytes of the frame in a picture, which has to be as section 4.4 says. The error says what is wrong.
func readPicture(file []byte) (frame []byte, err error) {
	const most = 4096 // pixels a side
	if config, err := png.DecodeConfig(bytes.NewReader(file)); err != nil || config.Width > most || config.Height > most {
		return nil, fmt.Errorf("it is no PNG of at most %d pixels a side", most)
	}
	shown, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("the PNG breaks off")
	}
	// The reader is not the harness's own, and what it is given is the target's: a picture that it breaks on has no readable code.
	defer func() {
		if recover() != nil {
			frame, err = nil, fmt.Errorf("it has no readable QR code")
		}
	}()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(shown)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	reader := qrcode.NewQRCodeReader()
	code, err := reader.Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	if err != nil {
		code, err = reader.Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	}
	if err != nil {
		return nil, fmt.Errorf("it has no readable QR code")
	}
	if code.GetResultMetadata()[gozxing.ResultMetadataType_ERROR_CORRECTION_LEVEL] == "L" {
		return nil, fmt.Errorf("its error correction is L, lower than M")
	}
	written, marked := strings.CutPrefix(code.GetText(), pictureMark)
	if !marked {
		return nil, fmt.Errorf("the text of the code does not begin with %s", pictureMark)
	}
	if problem := misdrawn(shown); problem != "" {
		return nil, fmt.Errorf("%s", problem)
	}
	return unBase45(written)
}

// misdrawn measures a drawn code by its finder pattern at the top left, which is seven modules wide; empty when nothing is wrong.
func misdrawn(shown image.Image) string {
	whole, code := shown.Bounds(), image.Rectangle{}
	for y := whole.Min.Y; y < whole.Max.Y; y++ {
		for x := whole.Min.X; x < whole.Max.X; x++ {
			if isDark(shown.At(x, y)) {
				code = code.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	wide := 0
	for x := code.Min.X; x < code.Max.X && isDark(shown.At(x, code.Min.Y)); x++ {
		wide++
	}
	module := wide / 7
	margin := min(code.Min.X-whole.Min.X, code.Min.Y-whole.Min.Y, whole.Max.X-code.Max.X, whole.Max.Y-code.Max.Y)
	switch {
	case module < modulePixels:
		return fmt.Sprintf("a module of the code has %d pixels, fewer than %d", module, modulePixels)
	case margin < quietZone*module:
		return fmt.Sprintf("there are %d pixels of white around the code, fewer than %d modules of %d", margin, quietZone, module)
	}
	return ""
}
