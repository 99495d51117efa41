/** The few pictures, drawn by DOM calls: no file to load, no markup to parse. */
const PATHS = {
  back: "M15 5l-7 7 7 7",
  search: "M11 4a7 7 0 1 0 0 14a7 7 0 1 0 0-14zM20 20l-4-4",
  send: "M5 12h13M12 5l7 7-7 7",
  save: "M5 12.5l4.5 4.5L19 7",
  close: "M6 6l12 12M18 6L6 18",
  reply: "M9 7L4 12l5 5M4.5 12H14a6 6 0 0 1 6 6v1",
  edit: "M5 19l.8-3.6L16 5.2a1.7 1.7 0 0 1 2.4 0l.4.4a1.7 1.7 0 0 1 0 2.4L8.6 18.2 5 19z",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12M10.5 11v4.5M13.5 11v4.5",
  down: "M6 9.5l6 6 6-6",
  up: "M6 14.5l6-6 6 6",
  clock: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16zM12 8v4.5l3 1.8",
  tick: "M5 12.5l4.5 4.5L19 7",
  ticks: "M2.5 12.5l4.5 4.5L16.5 7M11.5 16l1 1L22 7",
  alert: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16zM12 8v5M12 16v.2",
  clip: "M20 11.5l-8 8a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7L9.7 17.2a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8",
  file: "M7 3.5h7l4.5 4.5v11a1.5 1.5 0 0 1-1.5 1.5H7A1.5 1.5 0 0 1 5.5 19V5A1.5 1.5 0 0 1 7 3.5zM13.5 3.5V8.5h5",
  smile: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16zM8.5 14a4 4 0 0 0 7 0M9.5 9.5v.2M14.5 9.5v.2",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10.5 20.5h3M12 5V3.5",
  chat: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 19 17h-7l-4.5 3.5V17H5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 5 5z",
} as const;

export type Icon = keyof typeof PATHS;
/** They point along the line of writing. */
const DIRECTED = new Set<Icon>(["back", "send", "reply"]);
const NS = "http://www.w3.org/2000/svg";

export function icon(name: Icon): SVGSVGElement {
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", DIRECTED.has(name) ? "icon flip" : "icon");
  const path = document.createElementNS(NS, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
