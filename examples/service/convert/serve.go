package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// thumbWidth is the width of a thumbnail in pixels; its height follows the image's shape.
const thumbWidth = 160

// ServeStdio is the child's main: it does jobs until it is asked to end by SIGTERM.
func ServeStdio() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	// Ctrl-C and a closed terminal reach every process of the group. Its parent decides when this one ends, since
	// there may be jobs that the parent still has to see through.
	signal.Ignore(os.Interrupt, syscall.SIGHUP, syscall.SIGPIPE)
	// This goroutine ends with the process.
	go func() {
		if err := Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	<-asked
}

// Serve does the jobs that it reads from in and answers each on out. It returns nil at the end of in.
func Serve(in io.Reader, out io.Writer) error {
	jobs, outcomes := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var j job
		if err := jobs.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("convert: read a job: %w", err)
		}
		var got outcome
		if err := thumbnail(j.In, j.Out); err != nil {
			got.Error = err.Error()
		}
		if err := outcomes.Encode(got); err != nil {
			return fmt.Errorf("convert: answer: %w", err)
		}
	}
}

// thumbnail writes the PNG file in as a small JPEG file out.
func thumbnail(in, out string) error {
	src, err := os.Open(in)
	if err != nil {
		return err
	}
	defer src.Close()
	img, err := png.Decode(src)
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	dst, err := os.Create(out)
	if err != nil {
		return err
	}
	return errors.Join(jpeg.Encode(dst, shrink(img), nil), dst.Close())
}

// shrink picks the nearest pixel of img for each of the thumbnail's.
func shrink(img image.Image) image.Image {
	from := img.Bounds()
	if from.Dx() <= thumbWidth {
		return img
	}
	to := image.NewRGBA(image.Rect(0, 0, thumbWidth, max(1, from.Dy()*thumbWidth/from.Dx())))
	for y := range to.Rect.Dy() {
		for x := range to.Rect.Dx() {
			to.Set(x, y, img.At(from.Min.X+x*from.Dx()/to.Rect.Dx(), from.Min.Y+y*from.Dy()/to.Rect.Dy()))
		}
	}
	return to
}
