package rooms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static rooms.Times.at;

import java.util.List;
import org.junit.jupiter.api.Test;

class HiddenPersonTest {
    @Test
    void bookingsOfOnePersonByTime() {
        RoomStore store = new MemoryStore();
        Room blue = new Room("blue", 9);
        Room red = new Room("red", 9);
        store.put(new Booking("x", blue, at("12:00", "13:00"), "Eve", 9));
        store.put(new Booking("y", red, at("08:00", "09:00"), "Eve", 1));
        store.put(new Booking("z", red, at("10:00", "11:00"), "Eva", 2));
        assertEquals(List.of("y", "x"), store.bookingsOf("Eve").stream().map(Booking::id).toList());
        assertEquals(List.of(), store.bookingsOf("Nobody"));
        assertEquals(List.of("2025-03-10 10:00 red (2 people)"), new PersonAgenda(store).of("Eva"));
    }
}
