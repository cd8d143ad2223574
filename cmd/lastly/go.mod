module github.com/lastly-go/lastly/cmd/lastly

go 1.26.0

require github.com/lastly-go/lastly v0.0.0

replace github.com/lastly-go/lastly => ../../
