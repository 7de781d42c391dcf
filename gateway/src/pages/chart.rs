//! Bar charts as SVG: where the bars and the labels are. The template draws them.

use serde::Serialize;

/// The size of the drawing, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
/// The room for the numbers at the left, for half a label at the right, and for the labels below.
const LEFT: f64 = 48.0;
const RIGHT: f64 = 24.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 14.0;
/// The part of its place that a bar fills, and its greatest width.
const FILLED: f64 = 0.8;
const BAR_MAX: f64 = 64.0;
/// Maximum number of labels below the bars.
const LABELS_MAX: usize = 8;

/// A chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Chart {
    width: f64,
    height: f64,
    left: f64,
    bars: Vec<Bar>,
    lines: Vec<Line>,
}

/// A bar, and its label if there is room for one.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    middle: f64,
    label: Option<String>,
    /// What a pointer on the bar shows.
    title: String,
}

/// A line across the chart, with the number that it stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    y: f64,
    value: u64,
}

impl Chart {
    /// A bar for each value, in their order; `None` without a value above zero.
    #[expect(clippy::cast_precision_loss, reason = "counts are drawn, and have at most a few digits")]
    pub(super) fn of(values: &[(String, u64)]) -> Option<Self> {
        let largest = values.iter().map(|(_, value)| *value).max().filter(|largest| *largest > 0)?;
        let (top, step) = scale(largest);
        let room = HEIGHT - TOP - BOTTOM;
        let y = |value: u64| rounded(TOP + room * (1.0 - value as f64 / top as f64));
        let place = (WIDTH - LEFT - RIGHT) / values.len() as f64;
        let width = (place * FILLED).min(BAR_MAX);
        let every = values.len().div_ceil(LABELS_MAX);
        let bar = |(n, (label, value)): (usize, &(String, u64))| {
            let middle = LEFT + place * (n as f64 + 0.5);
            Bar {
                x: rounded(middle - width / 2.0),
                y: y(*value),
                width: rounded(width),
                height: rounded(HEIGHT - BOTTOM - y(*value)),
                middle: rounded(middle),
                label: n.is_multiple_of(every).then(|| label.clone()),
                title: format!("{label}: {value}"),
            }
        };
        let bars = values.iter().enumerate().map(bar).collect();
        let lines = (0..=top / step).map(|n| Line { y: y(n * step), value: n * step }).collect();
        Some(Self { width: WIDTH, height: HEIGHT, left: LEFT, bars, lines })
    }
}

/// The top of a scale that holds `largest`, and its step: 1, 2 or 5 times a power of ten. A scale has at most five steps.
fn scale(largest: u64) -> (u64, u64) {
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if largest.div_ceil(step * factor) <= 5 {
                return (largest.div_ceil(step * factor) * step * factor, step * factor);
            }
        }
        step *= 10;
    }
}

/// One decimal is enough for a drawing.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[u64]) -> Chart {
        let values: Vec<_> =
            values.iter().enumerate().map(|(n, value)| (format!("day {n}"), *value)).collect();
        Chart::of(&values).unwrap()
    }

    #[test]
    fn a_bar_is_as_high_as_its_value_and_inside_the_chart() {
        let drawn = chart(&[0, 5, 10, 7]);
        let heights: Vec<_> = drawn.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights[0], 0.0);
        assert!((heights[2] / heights[1] - 2.0).abs() < 0.01, "{heights:?}");
        assert_eq!(heights[2], HEIGHT - TOP - BOTTOM);
        for bar in &drawn.bars {
            assert!(bar.x >= LEFT && bar.x + bar.width <= WIDTH && bar.y >= TOP, "{bar:?}");
            assert!((bar.y + bar.height - (HEIGHT - BOTTOM)).abs() < 0.2, "{bar:?}");
        }
        let overlap = drawn.bars.windows(2).any(|pair| pair[0].x + pair[0].width > pair[1].x);
        assert!(!overlap);
    }

    #[test]
    fn a_year_of_days_has_few_labels_and_no_chart_is_drawn_of_nothing() {
        let drawn = chart(&[3; 366]);
        assert_eq!((drawn.bars.len(), drawn.bars.iter().filter(|bar| bar.label.is_some()).count()), (366, 8));
        assert_eq!(Chart::of(&[("a".to_owned(), 0)]), None);
        assert_eq!(Chart::of(&[]), None);
    }

    #[test]
    fn the_scale_has_round_numbers() {
        for (largest, expected) in [
            (1, (1, 1)),
            (5, (5, 1)),
            (7, (8, 2)),
            (23, (25, 5)),
            (48, (50, 10)),
            (101, (150, 50)),
            (1_000, (1_000, 200)),
        ] {
            assert_eq!(scale(largest), expected, "{largest}");
        }
    }
}
