package lastly_test

import (
	"encoding/json"
	"fmt"

	"github.com/lastly-go/lastly"
)

// Before a scope closes, its report is the plan: what each hook waits for, and what it runs beside. Assert it in a test
// of your wiring.
func ExampleReport() {
	var scope lastly.Scope
	scope.Register(lastly.Hook{Name: "server", Uses: []string{"database", "cache"}, Run: lastly.Func(func() {})})
	scope.Register(lastly.Hook{Name: "database", Uses: lastly.Nothing, Run: lastly.Func(func() {})})
	scope.Register(lastly.Hook{Name: "cache", Uses: lastly.Nothing, Run: lastly.Func(func() {})})

	plan := scope.Report()
	fmt.Println(plan.State)
	for _, hook := range plan.Hooks {
		fmt.Printf("#%d %s: after %v, beside %v\n", hook.ID, hook.Name, hook.WaitsFor, hook.Beside)
	}
	// Output:
	// open
	// #1 server: after [], beside []
	// #2 database: after [1], beside [3]
	// #3 cache: after [1], beside [2]
}

// The JSON form of a report is stable.
func ExampleReport_MarshalJSON() {
	var scope lastly.Scope
	scope.Name = "batch"
	lastly.DeferIn(&scope, "temp folder", func() {})
	_ = scope.Close()

	data, err := json.Marshal(scope.Report())
	if err != nil {
		fmt.Println(err)
		return
	}
	var report struct {
		Scope string
		State string
		Hooks []struct {
			Name    string
			Outcome string
			NS      int64 `json:"duration_ns"`
		}
	}
	if err := json.Unmarshal(data, &report); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Scope, report.State)
	fmt.Println(report.Hooks[0].Name, report.Hooks[0].Outcome, report.Hooks[0].NS >= 0)
	// Output:
	// batch closed
	// temp folder ok true
}
