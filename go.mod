module github.com/lastly-go/lastly

go 1.26.0
