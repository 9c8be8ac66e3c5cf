console.log("emberlog");
