// A page that answers a form keeps the form's address; reloading it would send the pictures again. From here on it is the
// page of the talent.
const sent = document.getElementById("sent");
if (sent) history.replaceState(null, "", sent.dataset.address);
