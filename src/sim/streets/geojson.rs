//! The network as a map layer.

use super::{ATTRIBUTION, Class, Streets};
use serde_json::{Value, json};

impl Streets {
    /// A GeoJSON FeatureCollection: streets with `class` (`major`, `minor`, `service`) and `name`, towns with `town`, `name` and
    /// `weight`. Its member `attribution` is to be shown on the map.
    pub fn geojson(&self) -> Vec<u8> {
        let streets = self.ways.iter().map(|way| {
            let class = match way.class {
                Class::Major => "major",
                Class::Minor => "minor",
                Class::Service => "service",
            };
            let line: Vec<_> = way.nodes.iter().map(|node| self.place(*node)).map(|p| json!([p.lon(), p.lat()])).collect();
            let mut properties = json!({"class": class});
            if !way.name.is_empty() {
                properties["name"] = way.name.as_str().into();
            }
            feature("LineString", line.into(), properties)
        });
        let towns = self.towns.iter().map(|town| {
            let properties = json!({"town": true, "name": town.name, "weight": town.weight});
            feature("Point", json!([town.place.lon(), town.place.lat()]), properties)
        });
        let features: Vec<Value> = streets.chain(towns).collect();
        json!({"type": "FeatureCollection", "attribution": ATTRIBUTION, "features": features}).to_string().into_bytes()
    }
}

fn feature(kind: &str, coordinates: Value, properties: Value) -> Value {
    json!({"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_is_small_and_says_who_made_it() {
        let bytes = Streets::andorra().unwrap().geojson();
        assert!(bytes.len() < 600_000, "{}", bytes.len());
        let map: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(map["attribution"], ATTRIBUTION);
        assert!(map["features"].as_array().unwrap().iter().any(|f| f["properties"]["class"] == "major"));
    }
}
