package resource_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/lastly-go/lastly"
	"github.com/lastly-go/lastly/resource"
)

// A folder for temporary files, gone with everything in it however the program ends.
func ExampleTempDir() {
	var scope lastly.Scope // lastly.Process() in a program

	dir, err := resource.TempDir(&scope, "upload-*")
	if err != nil {
		log.Fatal(err)
	}
	err = os.WriteFile(filepath.Join(dir, "part-1"), []byte("data"), 0o600)
	fmt.Println("written:", err)

	fmt.Println("closed:", scope.Close())
	_, err = os.Stat(dir)
	fmt.Println("gone:", errors.Is(err, fs.ErrNotExist))
	// Output:
	// written: <nil>
	// closed: <nil>
	// gone: true
}

// A name for others to use, and an order: the folder outlives what is registered after it, or what names its scope.
func ExampleTempDir_named() {
	var scope lastly.Scope
	uploads := scope.Child(lastly.Hook{Name: "uploads", Uses: lastly.Nothing})
	dir, err := resource.TempDir(uploads, "upload-*")
	if err != nil {
		log.Fatal(err)
	}
	scope.Register(lastly.Hook{Name: "server", Uses: []string{"uploads"}, Run: lastly.Func(func() error {
		_, err := os.Stat(dir)
		fmt.Println("the server ends, and the folder is there:", err == nil)
		return nil
	})})
	fmt.Println("closed:", scope.Close())
	// Output:
	// the server ends, and the folder is there: true
	// closed: <nil>
}

// A temporary file, closed and removed at its place in the order.
func ExampleTempFile() {
	var scope lastly.Scope

	f, err := resource.TempFile(&scope, "report-*.csv")
	if err != nil {
		log.Fatal(err)
	}
	_, err = fmt.Fprintln(f, "name,count")
	fmt.Println(err, filepath.Ext(f.Name()))

	fmt.Println(scope.Close())
	_, err = os.Stat(f.Name())
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// <nil> .csv
	// <nil>
	// true
}

// Whoever reads the file sees the old content or the new one, and never half of it.
func ExampleCreate() {
	var scope lastly.Scope
	dir, err := resource.TempDir(&scope, "example-*")
	if err != nil {
		log.Fatal(err)
	}
	config := filepath.Join(dir, "config")

	write := func(content string, good bool) error {
		f, err := resource.Create(&scope, config)
		if err != nil {
			return err
		}
		defer f.Close() // discards what was not committed
		if _, err := f.WriteString(content); err != nil {
			return err
		}
		if !good {
			return errors.New("changed my mind")
		}
		return f.Commit()
	}
	read := func() {
		content, err := os.ReadFile(config)
		entries, _ := os.ReadDir(dir)
		fmt.Printf("%s %v, %d file\n", content, err, len(entries))
	}
	fmt.Println(write("one", true))
	read()
	fmt.Println(write("two", false))
	read()
	fmt.Println(write("three", true))
	read()
	fmt.Println(scope.Close())
	// Output:
	// <nil>
	// one <nil>, 1 file
	// changed my mind
	// one <nil>, 1 file
	// <nil>
	// three <nil>, 1 file
	// <nil>
}

// A log that is buffered: at the end the buffer is flushed first, then the file is closed, and both errors are reported.
func ExampleOpen() {
	var scope lastly.Scope
	dir, err := resource.TempDir(&scope, "example-*")
	if err != nil {
		log.Fatal(err)
	}
	scope.Defer("read it", lastly.Func(func() error { // runs when the file is closed
		content, err := os.ReadFile(filepath.Join(dir, "app.log"))
		fmt.Printf("%s", content)
		return err
	}))

	f, err := resource.Open(&scope, filepath.Join(dir, "app.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	w := bufio.NewWriter(f)
	resource.Own(&scope, "log buffer", w)
	logger := log.New(w, "", 0)

	scope.Defer("server", lastly.Func(func() { logger.Print("the server has ended") }))
	logger.Print("started")
	fmt.Println(scope.Close())
	// Output:
	// started
	// the server has ended
	// <nil>
}
