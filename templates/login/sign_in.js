// What comes after the # never reaches a server, and an identity provider's form forgets it.
for (const link of document.querySelectorAll("a")) {
  if (location.hash) link.href += "&fragment=" + encodeURIComponent(location.hash.slice(1));
  if ("goOn" in link.dataset) location.replace(link.href);
}
