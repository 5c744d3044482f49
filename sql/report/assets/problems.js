// What goes wrong is said at the top of the page, and counted on the document for tests. Comes first, to hear of everything.
const problems = [];

function report(problem) {
  problems.push(String(problem));
  document.documentElement.dataset.errors = String(problems.length);
  document
    .getElementById("main")
    .prepend(
      make("section", { class: "error", role: "alert" }, "Something of this page could not be drawn: " + problem),
    );
}

window.addEventListener("error", (e) => report(e.message));
window.addEventListener("unhandledrejection", (e) => report(e.reason));
document.addEventListener("securitypolicyviolation", (e) =>
  report("blocked by the page's policy: " + e.violatedDirective + " " + e.blockedURI),
);
