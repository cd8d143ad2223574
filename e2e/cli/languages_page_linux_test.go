package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastly-go/lastly/e2e/internal/real"
)

const languagesPage = "../../docs/languages.md"

// A dialect is how the snippets of docs/languages.md in one language become programs. The page may use produce, which makes a file,
// and names what it makes first "folder".
type dialect struct {
	needs [2]string
	argv  []string // ends with the file's name
	full  string   // a program around the snippet; in the place of PRODUCE is what comes after produce has made the file
	shows string   // prints the folder
	dies  string   // ends itself by SIGKILL
}

// dialects are by the language of the fences. No program imports what a snippet should.
var dialects = map[string]dialect{
	"python": {
		python,
		[]string{"python3", "job.py"},
		"def produce(path):\n    open(path, 'w').close()\n    PRODUCE\nSNIPPET\nAFTER\n",
		"print(folder, flush=True)", "__import__('os').kill(__import__('os').getpid(), 9)",
	},
	"js": {
		node,
		[]string{"node", "job.js"},
		"function produce(path) { require('fs').writeFileSync(path, ''); PRODUCE }\nSNIPPET\nAFTER\n",
		"console.log(folder);", "process.kill(process.pid, 'SIGKILL');",
	},
	"bash": {
		bash,
		[]string{"bash", "job.sh"},
		"produce() { : >\"$1\"; PRODUCE\n}\nSNIPPET\nAFTER\n", "echo \"$folder\"", "kill -9 $$",
	},
	"perl": {
		perl,
		[]string{"perl", "job.pl"},
		"use strict; sub produce { open my $f, '>', $_[0] or die; PRODUCE }\nSNIPPET\nAFTER\n",
		"$| = 1; print \"$folder\\n\";", "kill 'KILL', $$;",
	},
	"java": {
		java,
		[]string{"sh", "-c", javaCommand("$1"), "sh", "Job.java"},
		"import java.io.*; import java.nio.file.*;\nclass Job {\n\tstatic void produce(String path) throws Exception { Files.createFile(Path.of(path)); PRODUCE }\n" +
			"\tpublic static void main(String[] args) throws Exception {\nSNIPPET\nAFTER\n\t}\n}\n",
		"System.out.println(folder);",
		`new ProcessBuilder("sh", "-c", "kill -9 " + ProcessHandle.current().pid()).start().waitFor(); Thread.sleep(1000000);`,
	},
}

// program writes a program around a snippet.
func (d dialect) program(t *testing.T, r *rig, snippet, produce string, after ...string) []string {
	t.Helper()
	text := strings.NewReplacer("SNIPPET", snippet, "PRODUCE", produce, "AFTER", strings.Join(after, "\n")).Replace(d.full)
	if err := os.WriteFile(filepath.Join(r.dir, d.argv[len(d.argv)-1]), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return d.argv
}

// TestLanguagesSnippets runs every snippet of docs/languages.md. There are three in each language: what registers, what cancels, and
// what insists on a run.
func TestLanguagesSnippets(t *testing.T) {
	t.Parallel()
	all := fences(t)
	for language, d := range dialects {
		if len(all[language]) != 3 {
			t.Fatalf("%s has %d snippets in %q, want 3", languagesPage, len(all[language]), language)
		}
		kinds := []func(*testing.T, dialect, string){snippetRegisters, snippetCancels, snippetInsists}
		for i, name := range []string{"register", "cancel", "insist"} {
			t.Run(language+"/"+name, func(t *testing.T) {
				t.Parallel()
				real.Need(t, d.needs[0], d.needs[1])
				kinds[i](t, d, all[language][i])
			})
		}
	}
	for language := range all {
		if _, ok := dialects[language]; !ok && language != "sh" {
			t.Errorf("%s has a snippet in %q, which no test runs", languagesPage, language)
		}
	}
}

// fences are the page's snippets by language.
func fences(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile(languagesPage)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	for _, part := range strings.Split("\n"+string(page), "\n```")[1:] {
		if language, text, _ := strings.Cut(part, "\n"); language != "" {
			all[language] = append(all[language], text)
		}
	}
	return all
}

// snippetRegisters kills the program when it has registered its folder. Outside of a run it must fail.
func snippetRegisters(t *testing.T, d dialect, snippet string) {
	r := newLanguageRig(t)
	argv := d.program(t, r, snippet, "", d.shows, d.dies)
	res := r.start(append([]string{lastly(t), "run", "--"}, argv...), nil).wait()
	folder := strings.TrimSpace(res.out)
	folder = folder[strings.LastIndex(folder, "\n")+1:] // behind the id, if that is printed
	if res.code != 137 || !filepath.IsAbs(folder) {
		t.Fatalf("%v, want a folder, and death by SIGKILL", res)
	}
	if _, err := os.Lstat(folder); !os.IsNotExist(err) {
		t.Errorf("%s: %v, want it to be gone", folder, err)
	}
	if res := r.start(argv, nil).wait(); res.code == 0 || res.code == 137 || !strings.Contains(res.err, "not inside of a run") {
		t.Errorf("outside of a run: %v, want a failure that says so", res)
	}
}

// snippetCancels wants what was made to stay, and to go if the program is killed before it is done.
func snippetCancels(t *testing.T, d dialect, snippet string) {
	for produce, want := range map[string][]string{"": {"out"}, d.dies: {}} {
		r := newLanguageRig(t)
		argv := append([]string{lastly(t), "run", "--"}, d.program(t, r, snippet, produce)...)
		before := dirNames(t, r.dir)
		res := r.start(argv, nil).wait()
		if code := map[bool]int{true: 0, false: 137}[produce == ""]; res.code != code {
			t.Errorf("%v, want %d", res, code)
		}
		after := slices.DeleteFunc(dirNames(t, r.dir), func(name string) bool { return slices.Contains(before, name) })
		if !slices.Equal(after, want) {
			t.Errorf("there is %q, want %q: %v", after, want, res)
		}
	}
}

// snippetInsists wants the program to end at once outside of a run, and to say why.
func snippetInsists(t *testing.T, d dialect, snippet string) {
	r := newLanguageRig(t)
	argv := d.program(t, r, snippet, "")
	if res := r.start(append([]string{lastly(t), "run", "--"}, argv...), nil).wait(); res.code != 0 || res.err != "" {
		t.Errorf("in a run: %v", res)
	}
	if res := r.start(argv, nil).wait(); res.code == 0 || !strings.Contains(res.err, "lastly run -- ") {
		t.Errorf("outside of a run: %v, want a failure that says what to do", res)
	}
}

// TestLanguagesTable wants the page to have what TestLanguages sees.
func TestLanguagesTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(languagesPage)
	if err != nil {
		t.Fatal(err)
	}
	want := "| program | its exit handlers run | exit status |\n|---|---|---|\n"
	for _, lang := range languages {
		run := "yes"
		if lang.atTerm == "" {
			run = "no"
		}
		if !strings.Contains(lang.name, "multiprocessing") { // has none of its own
			want += fmt.Sprintf("| %s | %s | %d |\n", lang.name, run, lang.status)
		}
	}
	if !strings.Contains(string(page), "\n"+want+"\n") {
		t.Errorf("%s does not have this table:\n%s", languagesPage, want)
	}
}

// TestLanguagesJavaTemp runs the page's lines about Java's folder for temporary files, which is /tmp without them.
func TestLanguagesJavaTemp(t *testing.T) {
	t.Parallel()
	real.Need(t, java[0], java[1])
	r := newLanguageRig(t)
	const show = `class Main { public static void main(String[] args) { System.out.println(System.getProperty("java.io.tmpdir")); } }`
	r.program("Main.java", show)
	r.program("gradlew", "#!/bin/sh\n[ \"$1\" = test ] && exec java Main.java\n")
	lines := fences(t)["sh"]
	if len(lines) != 1 {
		t.Fatalf("%s has %d snippets for sh, want 1", languagesPage, len(lines))
	}
	res := r.start([]string{"sh", "-e", "-c", lines[0]}, nil).wait()
	folders := strings.Fields(res.out)
	if res.code != 0 || len(folders) != 2 || strings.Count(res.out, r.temp()+"/run-") != 2 {
		t.Errorf("%v, want two folders of runs", res)
	}
	if strings.Count(res.err, "Picked up JAVA_TOOL_OPTIONS") != 1 {
		t.Errorf("%v, want the second one to say what it picked up", res)
	}
	res = r.start([]string{lastly(t), "run", "--temp", "--", "java", "-XX:-UsePerfData", "-XshowSettings:properties", "-version"}, nil).wait()
	if !strings.Contains(res.err, "java.io.tmpdir = /tmp\n") {
		t.Errorf("%v; Java follows TMPDIR now, does it? Then correct %s", res, languagesPage)
	}
}
