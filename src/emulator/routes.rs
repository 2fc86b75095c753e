//! Maps a method and a path to a call of the API.

use hyper::Method;

const COLLECTION: &str = "/api/v1/ssh_keys";
const WHO_AM_I: &str = "/api/v1/user/whoami";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call<'a> {
    List,
    Upload,
    Promote { id: &'a str },
    Delete { id: &'a str },
    WhoAmI,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    To(Call<'a>),
    /// To this path, with a slash at the end that was missing, or without one that was too many.
    Redirect(String),
    /// Only these methods are allowed.
    Method(&'static str),
    Nowhere,
}

impl<'a> Route<'a> {
    pub(super) fn of(method: &Method, path: &'a str) -> Self {
        if path == WHO_AM_I {
            return match *method {
                Method::GET => Self::To(Call::WhoAmI),
                _ => Self::Method("GET"),
            };
        }
        match path.strip_prefix(COLLECTION) {
            Some("") => Self::Redirect(format!("{COLLECTION}/")),
            Some("/") => match *method {
                Method::GET => Self::To(Call::List),
                Method::POST => Self::To(Call::Upload),
                _ => Self::Method("GET, POST"),
            },
            Some(rest) => match rest.strip_prefix('/') {
                Some(id) if !id.contains('/') => match *method {
                    Method::PATCH => Self::To(Call::Promote { id }),
                    Method::DELETE => Self::To(Call::Delete { id }),
                    _ => Self::Method("DELETE, PATCH"),
                },
                Some(id) => match id.strip_suffix('/') {
                    Some(id) if !id.is_empty() && !id.contains('/') => Self::Redirect(format!("{COLLECTION}/{id}")),
                    _ => Self::Nowhere,
                },
                None => Self::Nowhere,
            },
            None => Self::Nowhere,
        }
    }
}

/// Returns the number of a parameter in a query. The error is the text that is not a number.
pub(super) fn number(query: Option<&str>, name: &str) -> Result<Option<u64>, String> {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    match pairs.rfind(|(key, _)| *key == name) {
        None => Ok(None),
        Some((_, value)) => value.parse().map(Some).map_err(|_| value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_paths_lead_to_calls() {
        let to = |id| [Route::To(Call::Promote { id }), Route::To(Call::Delete { id })];
        let [promote, delete] = to("cm4x1");
        let table = [
            (Method::GET, "/api/v1/ssh_keys/", Route::To(Call::List)),
            (Method::POST, "/api/v1/ssh_keys/", Route::To(Call::Upload)),
            (Method::PUT, "/api/v1/ssh_keys/", Route::Method("GET, POST")),
            (Method::PATCH, "/api/v1/ssh_keys/cm4x1", promote),
            (Method::DELETE, "/api/v1/ssh_keys/cm4x1", delete),
            (Method::GET, "/api/v1/ssh_keys/cm4x1", Route::Method("DELETE, PATCH")),
            (Method::GET, "/api/v1/ssh_keys", Route::Redirect("/api/v1/ssh_keys/".into())),
            (Method::DELETE, "/api/v1/ssh_keys/cm4x1/", Route::Redirect("/api/v1/ssh_keys/cm4x1".into())),
            (Method::GET, "/api/v1/user/whoami", Route::To(Call::WhoAmI)),
            (Method::POST, "/api/v1/user/whoami", Route::Method("GET")),
            (Method::GET, "/api/v1/ssh_keysx", Route::Nowhere),
            (Method::GET, "/api/v1/ssh_keys//", Route::Nowhere),
            (Method::GET, "/api/v1/ssh_keys/a/b", Route::Nowhere),
            (Method::GET, "/", Route::Nowhere),
        ];
        for (method, path, route) in table {
            assert_eq!(Route::of(&method, path), route, "{method} {path}");
        }
    }

    #[test]
    fn query_parameters_are_numbers() {
        let query = Some("offset=20&limit=x&n=-1&e=");
        assert_eq!(number(query, "offset"), Ok(Some(20)));
        assert_eq!(number(query, "limit"), Err("x".into()));
        assert_eq!(number(query, "n"), Err("-1".into()));
        assert_eq!(number(query, "e"), Err(String::new()));
        assert_eq!(number(query, "other"), Ok(None));
        assert_eq!(number(None, "offset"), Ok(None));
    }
}
