module github.com/lastly-go/lastly/e2e

go 1.26.0

require (
	github.com/lastly-go/lastly v0.0.0
	github.com/oklog/run v1.2.0
	github.com/samber/do/v2 v2.0.0
	github.com/sirupsen/logrus v1.10.2
	github.com/skovtunenko/graterm v1.2.0
	github.com/tebeka/atexit v0.3.0
	github.com/thejerf/suture/v4 v4.0.6
	github.com/xlab/closer v0.0.0-20190328110542-03326addb7c2
	go.uber.org/fx v1.24.0
	golang.org/x/sync v0.24.0
)

require (
	github.com/samber/go-type-to-string v1.8.0 // indirect
	go.uber.org/dig v1.19.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	go.uber.org/zap v1.26.0 // indirect
	golang.org/x/sys v0.13.0 // indirect
)

replace github.com/lastly-go/lastly => ../
