import { type ModalityName, modalityNames } from '../modalities/registry.ts';
import { contentViews } from './content-views.ts';

const eachModality = (rule: (name: ModalityName) => string) => modalityNames.map(rule).join(' ');
const colours = (scheme: 'light' | 'dark') =>
  eachModality((name) => `--${name}: ${contentViews[name].colour[scheme]};`);

/** The look of the report: follows the reader's light or dark scheme, fits a telephone, prints. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #fff; --soft: #f4f5f7; --line: #d9dce1; --ink: #1b1f24; --faint: #5c6570;
  --fused: #6b3fa0; --lexical: #8a6d00; ${colours('light')} --right: #1a8245; --wrong: #d1372b; --link: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --soft: #1e2329; --line: #373e47; --ink: #e8eaed; --faint: #a3adb8;
    --fused: #b794f0; --lexical: #d9b93b; ${colours('dark')} --right: #3fae6b; --wrong: #e8604f; --link: #7db8f5;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 76rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
}
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.9rem; }
h2 { margin: 3rem 0 .75rem; padding-top: .75rem; font-size: 1.45rem; border-top: 2px solid var(--line); }
h3 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
h3 small { font-weight: normal; color: var(--faint); }
p { margin: .5rem 0 1rem; max-width: 46rem; }
a { color: var(--link); }
code { font-size: .85em; overflow-wrap: anywhere; }
.verdict { font-size: 1.2rem; }
.facts { display: flex; flex-wrap: wrap; gap: .75rem 2rem; margin: 1rem 0; }
.facts dt { font-size: .85rem; color: var(--faint); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
nav {
  position: sticky; top: 0; z-index: 2; display: flex; gap: 1.1rem; overflow-x: auto; padding: .6rem 0;
  font-size: .93rem; white-space: nowrap; background: var(--paper); border-block: 1px solid var(--line);
}
section, article { scroll-margin-top: 3rem; }
section:first-child h2 { margin-top: 1rem; border: 0; }

.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .93rem; }
caption { text-align: start; font-size: .85rem; color: var(--faint); padding-bottom: .4rem; }
th, td { padding: .35rem .8rem .35rem 0; text-align: start; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { font-size: .85rem; font-weight: 600; vertical-align: bottom; color: var(--faint); }
tbody th { font-weight: 500; min-width: 7rem; }
.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.key::before, .legend span::before {
  content: ""; display: inline-block; width: .7em; height: .7em; margin-inline-end: .45em; border-radius: 50%;
  background: currentColor;
}
.key.fused::before { color: var(--fused); } ${eachModality((name) => `.key.${name}::before { color: var(--${name}); }`)}
.legend { display: flex; gap: 1rem; margin: 0; font-size: .85rem; }
${eachModality((name) => `.legend .${name}::before { color: var(--${name}); }`)} .legend .lexical::before { color: var(--lexical); }

.matrix { border-collapse: separate; border-spacing: 2px; }
.matrix caption { white-space: nowrap; }
.matrix th, .matrix td { padding: 0; border: 0; text-align: center; vertical-align: middle; }
.matrix thead td { font-size: .75rem; color: var(--faint); vertical-align: bottom; white-space: nowrap; padding: 0 .5rem .25rem 0; }
.matrix thead th { vertical-align: bottom; font-weight: 500; }
.matrix thead span { display: inline-block; max-height: 9rem; writing-mode: vertical-rl; transform: rotate(180deg); }
.matrix tbody th { min-width: 0; text-align: end; padding-inline-end: .5rem; position: sticky; inset-inline-start: 0; background: var(--paper); }
.matrix tbody span { display: inline-block; max-width: 9rem; vertical-align: middle; }
.matrix span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.matrix tbody td { min-width: 2.1rem; height: 2.1rem; border-radius: 3px; background: var(--soft); }
.matrix td.right { background: color-mix(in srgb, var(--right) var(--share), var(--paper)); }
.matrix td.wrong { background: color-mix(in srgb, var(--wrong) var(--share), var(--paper)); }
.matrix td a {
  display: grid; place-items: center; min-height: 2.1rem; padding: 0 .25rem; color: var(--ink); text-decoration: none;
  font-variant-numeric: tabular-nums;
}
.matrix td a:hover, .matrix td a:focus-visible { outline: 2px solid var(--ink); border-radius: 3px; }

.bar {
  display: block; min-width: 8rem; padding: 0 .35rem; border-radius: 3px; font-size: .85rem;
  background: linear-gradient(to right, color-mix(in srgb, var(--colour) 35%, var(--paper)) var(--length), var(--soft) 0);
}
.bar + .bar { margin-top: 2px; }
.fused { --colour: var(--fused); } .lexical { --colour: var(--lexical); } ${eachModality((name) => `.${name} { --colour: var(--${name}); }`)}

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); gap: .75rem; margin: 0; padding: 0; list-style: none; }
.card { display: flex; gap: .75rem; padding: .75rem; border: 1px solid var(--line); border-radius: 6px; break-inside: avoid; }
.card img { flex: none; width: 96px; height: 96px; object-fit: contain; border-radius: 3px; background: var(--soft); }
.card div { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.card p { margin: 0 0 .35rem; }
.card p.text { font-size: .9rem; }
.card .label, .card .source { font-size: .85rem; color: var(--faint); }
.card .label strong { color: var(--ink); }
.card .label .suggested { color: var(--wrong); }
.card dl { display: grid; grid-template-columns: auto 1fr; gap: 2px .5rem; margin: 0 0 .35rem; font-size: .85rem; }
.card dt { color: var(--faint); }
.card dd { margin: 0; }
.card dd small { white-space: nowrap; }
.card .bar { min-width: 0; }
article:target { outline: 2px solid var(--link); outline-offset: .5rem; border-radius: 3px; }
.more, figcaption, footer { color: var(--faint); }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem 2.5rem; }
.figures.three { grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); }
figure { margin: 0; max-width: 36rem; break-inside: avoid; }
figure h3 { margin: 1rem 0 .25rem; }
figcaption { font-size: .9rem; }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--faint); }
svg .grid { stroke: var(--line); stroke-width: .7; }
svg .axis { stroke: var(--faint); }
svg path { fill: none; stroke: var(--colour); stroke-linejoin: round; }
svg .raw { opacity: .3; }
svg .smooth { stroke-width: 2.2; }
svg .reference { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 5 4; }
svg .warm-up { fill: var(--ink); opacity: .07; }
svg .column { fill: var(--fused); opacity: .55; }
svg .stated { stroke: var(--ink); stroke-width: 2.5; }
svg .band { fill: var(--fused); stroke: none; opacity: .18; }
svg .chosen { fill: var(--paper); stroke: var(--ink); stroke-width: 2; }
svg .dot { fill: var(--fused); opacity: .45; }
svg .interval { stroke: var(--fused); stroke-width: 2.5; }
svg rect.number { fill: var(--faint); }
summary { cursor: pointer; color: var(--link); }

@media (min-width: 50rem) { nav { flex-wrap: wrap; row-gap: .25rem; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .wide { overflow: visible; }
  .bar, .matrix td, .card img { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3 { break-after: avoid; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
`;
