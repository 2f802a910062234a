"""Pictures of traces: models that are gathered from events alone, and what draws them.

    collector.feed(event) ...  ->  collector.finish() -> model  ->  draw(model) -> matplotlib Figure -> bytes
                                                                ->  page       -> one HTML file

- *Models* (`operations`, `timeline`, `storage_map`, `chart`) are pure: attrs classes of integers and text, gathered
  in one pass and in bounded memory. They import no matplotlib, and tests judge them without drawing.
- *Drawing* (`draw_*`, `canvas`) imports matplotlib; import these modules where a picture is wanted, not before. The
  same trace gives the same bytes, with the same version of matplotlib.
- *The page* (`page*`) is one HTML file that loads nothing from anywhere.

Text from a trace is data: control characters are replaced, mathematics is not typeset, markup is escaped.
"""
