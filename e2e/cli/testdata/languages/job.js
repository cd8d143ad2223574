// A job of Node: node job.js TOKEN [handle]. It has a temporary folder, workers of cluster, a thread, and a child that has a
// session of its own. Without "handle" it ends of SIGTERM as any program does; with it, SIGTERM is an ordinary exit.
"use strict";
const { execFileSync, spawn } = require("node:child_process");
const cluster = require("node:cluster");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { Worker, isMainThread } = require("node:worker_threads");

function add(...words) {
  return execFileSync("lastly", ["add", ...words], { encoding: "utf8" }).trim();
}

function say(...words) {
  fs.writeSync(1, words.join(" ") + "\n");
}

function register(token) {
  add("exec", "--", "sh", "oldest.sh");
  fs.writeFileSync("registered", "");
  add("remove", "registered");
  fs.mkdirSync("folder");
  add("remove", "folder");
  fs.writeFileSync("folder/inside", "");
  const escaped = spawn("/bin/sleep", [token], { env: {}, detached: true, stdio: "ignore" });
  escaped.unref();
  add("kill", String(escaped.pid));
  add("exec", "--", "sh", "newest.sh", String(process.pid));
}

// work writes files, at ease.
function work(folder, name) {
  let done = 0;
  setInterval(() => fs.writeFileSync(path.join(folder, name + done++), "x".repeat(10000)), 10);
}

function main() {
  say("pid", process.pid);
  const [token, handle] = process.argv.slice(2);
  process.on("exit", () => fs.appendFileSync("handlers", "exit\n"));
  if (handle) process.on("SIGTERM", () => process.exit(3));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "job-"));
  say("temp", folder);
  register(token);
  process.env.FOLDER = folder;
  cluster.fork();
  cluster.fork();
  new Worker(__filename);
  spawn("sh", ["-c", "while :; do sleep 0.01; done"], { stdio: "ignore" });
  work(folder, "main");
  const timer = setInterval(() => {
    const names = fs.readdirSync(folder).map((name) => name.replace(/[0-9]+$/, ""));
    if (new Set(names).size < 4) return;
    clearInterval(timer);
    say("ready");
  }, 10);
}

if (!isMainThread) work(process.env.FOLDER, "thread");
else if (cluster.isPrimary) main();
else work(process.env.FOLDER, ["", "a", "b"][cluster.worker.id]);
