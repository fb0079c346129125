// Shows /asyncapi.json. Its texts are inserted as texts, never as markup.
(() => {
  const main = document.getElementById("events");

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // Backquotes and links are all the Markdown that descriptions have.
  function inline(text) {
    const parts = [];
    let end = 0;
    for (const match of text.matchAll(/`([^`]+)`|\[([^\]]+)\]\((https:\/\/[^)\s]+)\)/g)) {
      parts.push(text.slice(end, match.index));
      parts.push(match[1] ? element("code", {}, match[1]) : element("a", { href: match[3] }, match[2]));
      end = match.index + match[0].length;
    }
    return [...parts, text.slice(end)];
  }

  function reader(root) {
    function resolve(value) {
      for (let hops = 0; value && value.$ref && hops < 10; hops += 1) {
        value = value.$ref.slice(2).split("/").reduce((place, name) => place && place[name], root);
      }
      return value || {};
    }

    // A schema, with what it takes from others.
    function whole(schema) {
      const found = resolve(schema);
      const parts = (found.allOf || []).map(whole);
      const properties = {};
      for (const part of [...parts, found]) {
        for (const [name, value] of Object.entries(part.properties || {})) {
          const known = properties[name];
          properties[name] = known ? { ...resolve(known), ...resolve(value) } : value;
        }
      }
      return Object.assign({}, ...parts, found, {
        properties,
        required: [...parts, found].flatMap((part) => part.required || []),
      });
    }

    function type(schema) {
      const found = whole(schema);
      if (found.const !== undefined) return JSON.stringify(found.const);
      if (found.anyOf) return found.anyOf.map(type).join(" or ");
      if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(", ");
      const names = [].concat(found.type || "any").map((name) => {
        if (name === "array") return `array of ${type(found.items || {})}`;
        return found.format && name !== "null" ? `${name} (${found.format})` : name;
      });
      return names.join(" or ");
    }

    function rows(schema, path, depth) {
      const found = whole(schema);
      return Object.entries(found.properties).flatMap(([name, value]) => {
        const field = whole(value);
        const alternatives = (field.anyOf || []).map(whole);
        const inner = [field, field.items, ...alternatives].find((one) => one && Object.keys(whole(one).properties).length);
        const row = element(
          "tr", {},
          element("th", { scope: "row" }, element("code", {}, path + name),
            found.required.includes(name) ? "" : element("span", { class: "note" }, "optional")),
          element("td", { class: "type" }, type(value)),
          element("td", {}, ...inline(field.description || "")));
        return inner && depth < 5 ? [row, ...rows(inner, `${path}${name}.`, depth + 1)] : [row];
      });
    }

    function table(schema, caption) {
      const made = rows(schema, "", 0);
      const head = ["Name", "Type", "Description"].map((title) => element("th", { scope: "col" }, title));
      return element("table", {}, element("caption", {}, caption),
        element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...made));
    }

    return { resolve, whole, table };
  }

  function message(read, value) {
    const found = read.resolve(value);
    const version = read.whole(found.headers).properties.dataversion;
    return element(
      "article", { id: found.name },
      element("h3", {}, element("a", { href: `#${found.name}` }, found.title),
        element("code", {}, found.name), element("span", { class: "note" }, `version ${version ? version.const : 1}`)),
      element("p", {}, ...inline(found.summary || "")),
      read.table(found.payload, "Payload"));
  }

  function show(root) {
    const read = reader(root);
    const channels = Object.entries(root.channels);
    main.append(element("p", {}, ...inline(root.info.description || "")));
    main.append(element("p", {}, "The document: ", element("a", { href: "/asyncapi.json" }, "/asyncapi.json"),
      " (AsyncAPI 3.0)"));
    for (const [name, channel] of channels) {
      const messages = Object.values(channel.messages);
      main.append(element(
        "section", { id: name }, element("h2", {}, channel.title), element("p", {}, ...inline(channel.description || "")),
        element("p", {}, "Stream ", element("code", {}, channel.address)), ...messages.map((one) => message(read, one))));
    }
    const attributes = root.components.schemas.CloudEvent;
    main.append(element(
      "section", { id: "attributes" }, element("h2", {}, "Attributes"),
      element("p", {}, attributes.description), read.table(attributes, "Attributes of every event")));
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.scrollIntoView();
  }

  fetch("/asyncapi.json")
    .then((response) => {
      if (!response.ok) throw new Error(`status ${response.status}`);
      return response.json();
    })
    .then(show)
    .catch((error) => {
      main.append(element("p", { role: "alert" }, `/asyncapi.json cannot be read: ${error.message}. Reload the page.`));
    });
})();
