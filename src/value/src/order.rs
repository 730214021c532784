//! Python's ordering.

use std::cmp::Ordering;

use num_bigint::BigInt;

use crate::Value;
use crate::error::ValueError;
use crate::number::f64_to_int;

/// An ordering comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Comparison {
    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }

    /// Whether an ordering satisfies it. NaN satisfies none.
    pub fn holds(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::Less => ordering == Some(Ordering::Less),
            Self::LessEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => ordering == Some(Ordering::Greater),
            Self::GreaterEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

impl Value {
    /// `self < other` and the like, or Python's `TypeError`.
    pub fn compare(&self, comparison: Comparison, other: &Self) -> Result<bool, ValueError> {
        self.order(other, comparison.symbol()).map(|ordering| comparison.holds(ordering))
    }

    /// Where two values of comparable types stand; `None` with NaN. `symbol` is for the error text; sorting uses `<`.
    pub fn order(&self, other: &Self, symbol: &str) -> Result<Option<Ordering>, ValueError> {
        if let (Self::Text(a), Self::Text(b)) = (self, other) {
            return Ok(Some(a.cmp(b)));
        }
        if let (Some(a), Some(b)) = (Numeric::of(self), Numeric::of(other)) {
            return Ok(a.order(&b));
        }
        let refuse = || {
            let (a, b) = (self.type_name(), other.type_name());
            ValueError::type_error(format!("'{symbol}' not supported between instances of '{a}' and '{b}'"))
        };
        match (self, other) {
            (Self::List(a), Self::List(b)) => {
                for (a, b) in a.iter().zip(b.iter()) {
                    // As Python: the first pair that is not equal decides, and only that pair must be comparable.
                    if a != b {
                        return a.order(b, symbol);
                    }
                }
                Ok(Some(a.len().cmp(&b.len())))
            }
            (Self::Time(a), Self::Time(b)) => match a.order(b) {
                Some(ordering) => Ok(Some(ordering)),
                None if a.type_name() == "datetime.datetime" && b.type_name() == a.type_name() => {
                    Err(ValueError::type_error("can't compare offset-naive and offset-aware datetimes"))
                }
                None => Err(refuse()),
            },
            _ => Err(refuse()),
        }
    }

    /// Sorts as Python's `sorted()`: stable, and the first pair that cannot be compared is the error.
    pub fn sort(items: &mut [Self], reverse: bool) -> Result<(), ValueError> {
        sort_by_key(items, reverse, Clone::clone)
    }
}

/// Sorts items by a key as Python's `sorted(key=...)`: stable (also when reversed), with Python's error.
pub fn sort_by_key<T>(items: &mut [T], reverse: bool, key: impl Fn(&T) -> Value) -> Result<(), ValueError>
where
    T: Clone,
{
    let mut failure = None;
    let mut keyed: Vec<(Value, usize)> = items.iter().enumerate().map(|(i, item)| (key(item), i)).collect();
    keyed.sort_by(|(a, i), (b, j)| {
        // Python asks `later < earlier`, and turns the list around first when it sorts in reverse.
        let swap = (i < j) != reverse;
        let asked = if swap { b.order(a, "<").map(|o| o.map(Ordering::reverse)) } else { a.order(b, "<") };
        let ordering = match asked {
            Ok(ordering) => ordering.unwrap_or(Ordering::Equal),
            Err(error) => {
                failure.get_or_insert(error);
                Ordering::Equal
            }
        };
        if reverse { ordering.reverse() } else { ordering }
    });
    if let Some(error) = failure {
        return Err(error);
    }
    let sorted: Vec<T> = keyed.into_iter().map(|(_, i)| items[i].clone()).collect();
    items.clone_from_slice(&sorted);
    Ok(())
}

/// A number in the form arithmetic and ordering work on; booleans are integers.
pub(crate) enum Numeric<'a> {
    Int(i64),
    Big(&'a BigInt),
    Float(f64),
}

impl<'a> Numeric<'a> {
    pub(crate) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(Self::Int(i64::from(*b))),
            Value::Int(i) => Some(Self::Int(*i)),
            Value::Big(big) => Some(Self::Big(big)),
            Value::Float(f) => Some(Self::Float(*f)),
            _ => None,
        }
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Big(a), Self::Big(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Big(b)) => Some(BigInt::from(*a).cmp(b)),
            (Self::Big(a), Self::Int(b)) => Some((*a).cmp(&BigInt::from(*b))),
            (Self::Float(f), whole) => whole.order_float(*f).map(Ordering::reverse),
            (whole, Self::Float(f)) => whole.order_float(*f),
        }
    }

    /// An integer against a float, exactly.
    fn order_float(&self, float: f64) -> Option<Ordering> {
        if float.is_nan() {
            return None;
        }
        let Some(whole) = f64_to_int(float) else {
            return Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater });
        };
        let ordering = self.order(&Numeric::of(&whole)?)?;
        let fraction = float.fract();
        Some(ordering.then(0.0_f64.partial_cmp(&fraction)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordering_is_pythons() {
        let less = |a: Value, b: Value| a.compare(Comparison::Less, &b).map_err(|e| e.to_string());
        assert_eq!(less(1.into(), 1.5.into()), Ok(true));
        assert_eq!(less(true.into(), 2.into()), Ok(true));
        assert_eq!(less(i64::MAX.into(), 9_223_372_036_854_775_808.0.into()), Ok(true));
        assert_eq!(less(Value::from(u64::MAX), 1e30.into()), Ok(true));
        assert_eq!(less(f64::NAN.into(), 1.into()), Ok(false));
        assert_eq!(less("B".into(), "a".into()), Ok(true));
        assert_eq!(less(vec![1, 2].into(), vec![1, 3].into()), Ok(true));
        assert_eq!(less(1.into(), "a".into()), Err("'<' not supported between instances of 'int' and 'str'".into()));
        assert_eq!(
            less(Value::Null, Value::Null),
            Err("'<' not supported between instances of 'NoneType' and 'NoneType'".into())
        );
    }

    #[test]
    fn sorting_is_stable_and_reports_what_python_does() {
        let mut items = vec![Value::from(2), true.into(), 1.into(), 1.5.into()];
        Value::sort(&mut items, false).unwrap();
        assert_eq!(Value::from(items).repr(), "[True, 1, 1.5, 2]");
        let mut items = vec![Value::from(true), 1.into(), 2.into()];
        Value::sort(&mut items, true).unwrap();
        assert_eq!(Value::from(items).repr(), "[2, True, 1]");
        let mut items = vec![Value::from(1), "a".into()];
        let error = Value::sort(&mut items, false).unwrap_err();
        assert_eq!(error.to_string(), "'<' not supported between instances of 'str' and 'int'");
    }
}
