module github.com/lastly-go/lastly/e2e

go 1.26.0

require (
	github.com/lastly-go/lastly v0.0.0
	github.com/lastly-go/lastly/examples v0.0.0
	github.com/oklog/run v1.2.0
	github.com/samber/do/v2 v2.0.0
	github.com/sirupsen/logrus v1.10.2
	github.com/skovtunenko/graterm v1.2.0
	github.com/tebeka/atexit v0.3.0
	github.com/thejerf/suture/v4 v4.0.6
	github.com/xlab/closer v0.0.0-20190328110542-03326addb7c2
	go.etcd.io/bbolt v1.4.3
	go.uber.org/fx v1.24.0
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
	modernc.org/sqlite v1.61.1
)

require (
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/samber/go-type-to-string v1.8.0 // indirect
	go.uber.org/dig v1.19.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	go.uber.org/zap v1.26.0 // indirect
	modernc.org/libc v1.79.0 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)

replace (
	github.com/lastly-go/lastly => ../
	github.com/lastly-go/lastly/examples => ../examples
)
