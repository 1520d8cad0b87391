// What JupyterLab and Voilà do of themselves on a page of the workbench: run it when it opens, and, when the program
// behind it is gone, hide every name at once, stop its clock and say what to do. Loaded as it is: nothing is built.

const LOST = "La liaison avec le programme est coupée";
const WAIT = "Les noms sont masqués. Ce qui était enregistré l’est toujours. Patientez quelques secondes ; si rien ne revient, relancez l’atelier (commande rpps-audit lab), puis rechargez cette page.";
const GONE = "Le programme de cette page s’est arrêté : la session de la carte est fermée et les noms sont masqués. Ce qui était enregistré l’est toujours. Rechargez la page pour reprendre.";

function veil(sentence) {
  const shown = document.getElementById("rpps-veil");
  if (!sentence) {
    shown?.remove();
    delete document.documentElement.dataset.rppsLost;
    return;
  }
  document.documentElement.dataset.rppsLost = "true";
  if (shown) {
    shown.querySelector("p").textContent = sentence;
    return;
  }
  const box = document.createElement("div");
  box.id = "rpps-veil";
  box.setAttribute("role", "alertdialog");
  box.setAttribute("aria-labelledby", "rpps-veil-title");
  box.setAttribute("aria-describedby", "rpps-veil-text");
  const title = document.createElement("h2");
  title.id = "rpps-veil-title";
  title.textContent = LOST;
  const text = document.createElement("p");
  text.id = "rpps-veil-text";
  text.textContent = sentence;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Recharger la page";
  again.addEventListener("click", () => window.location.reload());
  box.append(title, text, again);
  document.body.append(box);
  again.focus();
}

// What was shown goes from the page itself: after this, no name is left in it, hidden or not.
function wipe() {
  veil(GONE);
  document.dispatchEvent(new CustomEvent("rpps-gone"));
}

function watch(kernel) {
  if (!kernel) return;
  let met = kernel.connectionStatus === "connected";
  kernel.connectionStatusChanged.connect((_kernel, status) => {
    if (status === "connected") {
      met = true;
      if (!document.documentElement.dataset.rppsGone) veil("");
    } else if (met) veil(WAIT);
  });
  kernel.statusChanged.connect((_kernel, status) => {
    if (["dead", "terminating", "restarting", "autorestarting"].includes(status)) {
      document.documentElement.dataset.rppsGone = "true";
      wipe();
    }
  });
}

async function runPanel(app, panel) {
  await panel.context.ready;
  await panel.sessionContext.ready;
  watch(panel.sessionContext.session?.kernel);
  panel.sessionContext.kernelChanged.connect((_context, change) => change.oldValue && wipe());
  // JupyterLab calls its cells a feed of articles, which they are not: whoever listens hears the page itself.
  for (const feed of panel.node.querySelectorAll("[role=feed]")) for (const name of ["role", "aria-label"]) feed.removeAttribute(name);
  app.shell.activateById(panel.id);
  await app.commands.execute("notebook:run-all-cells");
}

const plugin = {
  id: "rpps-audit-page:plugin",
  autoStart: true,
  activate: (app) => {
    document.documentElement.lang = "fr";
    if (app.widgetManager !== undefined) {
      // Voilà runs the page by itself; its kernel comes with the manager of widgets.
      app.started.then(() => watch(app.widgetManager?.kernel));
      return;
    }
    const seen = new Set();
    const look = () => {
      for (const panel of app.shell.widgets("main"))
        if (panel.context && panel.sessionContext && panel.content?.widgets && !seen.has(panel.id)) {
          seen.add(panel.id);
          runPanel(app, panel);
        }
    };
    // Not awaited: the application waits for its plugins before it restores anything.
    app.restored.then(() => {
      // The bars of JupyterLab hold nothing of ours; the title there would rename the page's file.
      for (const bar of [app.shell._topHandler?.panel, app.shell._menuHandler?.panel, app.shell._titleHandler?.panel ?? app.shell._titleHandler]) bar?.hide?.();
      app.shell.currentChanged?.connect(look);
      const again = setInterval(() => (seen.size ? clearInterval(again) : look()), 50);
    });
  },
};

window._JUPYTERLAB = window._JUPYTERLAB || {};
window._JUPYTERLAB["rpps-audit-page"] = {
  init: async () => {},
  get: async () => () => ({ __esModule: true, default: plugin }),
};
